"""The sample corpus: short Korean and English lines written for this service, so that it trains without any file."""

LINES = """
나는 오늘 아침 일찍 일어났다
나는 오늘 학교에 걸어서 갔다
나는 오늘 친구와 점심을 먹었다
나는 오늘 도서관에서 책을 읽었다
나는 어제 비를 맞고 집에 왔다
나는 어제 늦게까지 숙제를 했다
나는 내일 바다에 가고 싶다
나는 커피보다 차를 좋아한다
나는 겨울보다 봄을 좋아한다
우리는 저녁마다 강가를 걷는다
우리는 함께 노래를 불렀다
우리는 작은 마을에 산다
우리는 주말에 산에 오른다
우리 집 마당에는 감나무가 있다
우리 집 고양이는 창가에서 잔다
봄이 오면 꽃이 핀다
봄이 오면 새가 노래한다
여름이 오면 매미가 운다
여름이 오면 바다가 그립다
가을이 오면 잎이 붉게 물든다
가을이 오면 하늘이 높아진다
겨울이 오면 눈이 내린다
겨울이 오면 강이 언다
아침에는 안개가 마을을 덮는다
아침에는 따뜻한 차를 마신다
저녁에는 별이 하나둘 나온다
저녁에는 온 가족이 모여 밥을 먹는다
비가 오는 날에는 음악을 듣는다
비가 오는 날에는 길이 미끄럽다
눈이 내리는 밤은 조용하다
바람이 불면 나무가 흔들린다
바람이 불면 연을 날린다
할머니는 옛날 이야기를 들려주셨다
할머니는 텃밭에서 고추를 키우신다
아버지는 새벽에 일터로 나가신다
어머니는 시장에서 생선을 사 오셨다
동생은 그림을 잘 그린다
동생은 자전거를 배우고 있다
선생님은 천천히 말씀하신다
친구는 멀리서 편지를 보냈다
기차는 남쪽으로 달린다
버스는 언덕 위에서 멈췄다
작은 배가 강을 건넌다
아이들이 골목에서 공을 찬다
아이들이 눈사람을 만든다
시간은 강물처럼 흐른다
책 속에는 넓은 세상이 있다
말 한마디가 하루를 바꾼다
천천히 가도 멀리 갈 수 있다
오늘 할 일을 내일로 미루지 않는다
the morning is quiet and the river is slow
the morning is cold and the coffee is warm
the evening is long and the sky is red
the river runs past the old mill
the river runs down to the sea
the old man feeds the birds in the park
the old house stands on a green hill
the children play until the lamps are lit
the children run home before the rain
the train leaves the station at noon
the train crosses the bridge at night
the wind moves the leaves of the tree
the wind brings the smell of the sea
the rain falls softly on the roof
the rain stops and the sun comes out
the cat sleeps on the window sill
the cat waits for the door to open
the teacher writes a word on the board
the teacher asks and the pupils answer
the baker opens his shop before the sun comes out
my brother reads a book about the stars
my brother builds a boat out of paper
my sister sings when she works in the garden
my sister draws the house and the tree
my mother tells us a story in the evening
my father walks to work in the morning
we walk along the river in the evening
we walk to the park when the sun comes out
we sit by the fire and tell stories
we listen to the rain and drink tea
we learn a new song every week
i wake up early and open the window
i read a book in the shade of the tree
i write a letter to a friend far away
i like the spring more than the winter
i would like to see the sea tomorrow
in spring the garden is full of flowers
in spring the birds come back
in summer the days are long and warm
in summer we swim in the river
in autumn the leaves turn red
in autumn the apples fall from the tree
in winter the snow covers the roof
in winter the river is covered with ice
a small boat crosses the river
a good word costs nothing
a long road begins at the door
slow steps also lead far
every day has a morning
every story has an end
""".strip()
