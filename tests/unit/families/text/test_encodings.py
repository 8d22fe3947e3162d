"""The bytes of a text: what Korean Windows writes is read, and all else is refused with what it seems to be."""

import codecs

import pytest

from app.errors import InvalidRequest
from app.families.text.encodings import TextCheck, decode

KOREAN = "나는 오늘 아침에 학교에 갔다.\n너는 어제 집에서 “책”을 읽었다.\n"
MIXED = "大韓民國은 民主共和國이다. 모든 權力은 國民으로부터 나온다.\n"
JAPANESE = "私は今日、学校へ行きました。あなたは昨日、家で本を読みました。\n"
CHINESE = "我今天早上去学校了。你昨天在家里看书。这个问题很重要。\n"
TRADITIONAL = "我今天早上去學校了。你昨天在家裡看書。這個問題很重要。\n"
RUSSIAN = "Сегодня утром я пошёл в школу. Вчера ты читал книгу дома.\n"
FRENCH = "Hier, j’ai été à l’école — c’était très bien. Où étais-tu ?\n"
ENGLISH = "I don’t know what it’s about, isn’t that strange?\n"  # strictly valid as CP949, and nonsense


@pytest.mark.parametrize("text", [KOREAN, MIXED, "hello 세계", "사과\n바나나\n", "뷁 똠방각하가 나는 펲시를 먹는다"])
def test_cp949_is_read_where_it_is_korean(text: str):
    assert decode(text.encode("cp949"), "it").text == text
    assert decode(text.encode("cp949"), "it").encoding == "cp949"


@pytest.mark.parametrize("text", [KOREAN, JAPANESE, ENGLISH, "가"])
@pytest.mark.parametrize(
    ("mark", "codec", "encoding"),
    [
        (b"", "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    ],
)
def test_a_mark_says_what_a_text_is_in(text: str, mark: bytes, codec: str, encoding: str):
    decoded = decode(mark + text.encode(codec), "it")
    assert (decoded.text, decoded.encoding) == (text, encoding)


@pytest.mark.parametrize(
    ("content", "seems", "iconv"),
    [
        (KOREAN.encode("utf-16-le"), "UTF-16 without its byte order mark", "iconv -f UTF-16LE -t UTF-8"),
        (KOREAN.encode("utf-16-be"), "UTF-16 without its byte order mark", "iconv -f UTF-16BE -t UTF-8"),
        (ENGLISH.encode("utf-16-le"), "UTF-16 without its byte order mark", "iconv -f UTF-16LE"),
        (JAPANESE.encode("utf-16-le"), "UTF-16 without its byte order mark", "iconv -f UTF-16LE"),
        (JAPANESE.encode("cp932"), "Shift-JIS", "iconv -f CP932"),
        (JAPANESE.encode("euc-jp"), "EUC-JP", "iconv -f EUC-JP"),
        (CHINESE.encode("gb18030"), "GB18030", "iconv -f GB18030"),
        (TRADITIONAL.encode("big5"), "Big5", "iconv -f BIG5"),
        (RUSSIAN.encode("cp1251"), "Windows-1251", "iconv -f CP1251"),
        (RUSSIAN.encode("koi8-r"), "KOI8-R", "iconv -f KOI8-R"),
        (FRENCH.encode("cp1252"), "Windows-1252", "iconv -f CP1252"),
        (ENGLISH.encode("cp1252"), "Windows-1252", "iconv -f CP1252"),
        (KOREAN.encode()[:-4] + b"\xff" + KOREAN.encode(), "UTF-8, but for some bytes", "iconv -c -f UTF-8"),
        (KOREAN.encode("cp949") * 9 + b"\xff", "CP949, but for some bytes", "iconv -c -f CP949"),
    ],
)
def test_what_is_refused_is_called_by_its_name_with_the_way_to_convert_it(content: bytes, seems: str, iconv: str):
    with pytest.raises(InvalidRequest) as raised:
        decode(content, "it")
    assert f"it seems to be {seems}" in str(raised.value)
    assert iconv in str(raised.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "it is not UTF-8: byte 0"),
        (b"GIF89a\x00\x01", "control characters"),
        (b"one two \x00", "control characters"),
        (bytes(range(256)), "it is not UTF-8"),
        (codecs.BOM_UTF16_LE + b"\x00", "it is not UTF-16: byte"),
        (codecs.BOM_UTF16_LE + "가\0나".encode("utf-16-le"), "control characters"),
    ],
)
def test_what_is_no_text_says_so(content: bytes, reason: str):
    with pytest.raises(InvalidRequest, match=reason):
        decode(content, "it")


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 16])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-32", "ascii"])
def test_pieces_of_any_size_are_looked_at_as_the_whole(size: int, codec: str):
    content = ("one two\n" if codec == "ascii" else KOREAN).encode(codec)
    check = TextCheck("it")
    for begin in range(0, len(content), size):
        check.add(content[begin : begin + size])
    check.add(b"", final=True)


@pytest.mark.parametrize("content", [b"", b"a", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_hardly_anything_is_no_fault_of_its_encoding(content: bytes):
    check = TextCheck("it")
    check.add(content)
    check.add(b"", final=True)


def test_the_first_byte_that_fits_nothing_ends_the_look():
    check = TextCheck("it")
    check.add(JAPANESE.encode("cp932")[:2])
    with pytest.raises(InvalidRequest, match="Shift-JIS"):  # noqa: PT012  somewhere
        for byte in JAPANESE.encode("cp932")[2:]:
            check.add(bytes([byte]))
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        check.add(b"", final=True)


@pytest.mark.parametrize(
    "content", ["가나".encode()[:-1], "가나".encode("cp949")[:-1] + b"\n", codecs.BOM_UTF16_LE + b"a"]
)
def test_a_character_that_is_cut_off_at_the_end_is_a_fault(content: bytes):
    check = TextCheck("it")
    with pytest.raises(InvalidRequest, match="it is not UTF-"):  # noqa: PT012  at once or at the end
        check.add(content)
        check.add(b"", final=True)
