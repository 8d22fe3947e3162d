"""Text, described: simple RNN, LSTM and GRU that continue a line, learned from any corpus."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from app.errors import InvalidRequest
from app.families.contract import DataFile, Family, Hyperparameters, Upload
from app.families.text.encodings import TextCheck
from app.families.text.text_cleaning import check_file, check_text
from app.families.text.vocabulary import VOCABULARY

SAMPLE = "sample"
MODELS = {"simple_rnn": "rnn", "lstm": "lstm", "gru": "gru"}
CHECKED = 50_000  # characters of it in which there must be something to learn from: in all it would take long
LONGEST_NAME = 255  # bytes of a file's name, `.txt` included
LONGEST_TEXT = 1_000_000  # characters in a request; longer ones are uploaded as a file


def _in_full(cell: Any) -> Any:
    """`rnn`, the model's name, means the simple RNN."""
    return "simple_rnn" if cell == "rnn" else cell


class TextHyperparameters(Hyperparameters):
    """What can be chosen when a text is learned. What is left out fits itself to the corpus."""

    cell: Annotated[Literal["simple_rnn", "lstm", "gru", "all"], BeforeValidator(_in_full)] = Field(
        "lstm", description="Recurrent cell; `all` queues one job for each of the three."
    )
    corpus: str = Field(
        SAMPLE,
        pattern=r"^[^/\\\x00,]+(,[^/\\\x00,]+)*$",
        max_length=500,
        description="`sample`: Korean and English lines included in the service. Or the names of `.txt` files in "
        "FITSERVE_DATA_DIR, separated by commas. Not together with `text` or an uploaded file.",
    )
    text: str | None = Field(
        None,
        max_length=LONGEST_TEXT,
        description="Training text, one sentence per line. Not together with `corpus` or a file.",
    )
    vocabulary: Literal["words", "subwords", "characters"] | None = Field(
        None,
        description="`words`: lower case, without punctuation. `subwords`: byte-level BPE. `characters`: characters "
        "or whole syllables. Default words for less than 8,000 words, subwords for more.",
    )
    vocabulary_size: int | None = Field(
        None,
        ge=16,
        le=100_000,
        description="Maximum number of tokens; default 20,000 words, 2,000 subwords, 5,000 characters.",
    )
    units: int = Field(128, ge=4, le=2048, description="Units of each recurrent layer.")
    layers: int = Field(1, ge=1, le=4, description="Number of stacked recurrent layers.")
    embedding: int | None = Field(
        None,
        ge=2,
        le=2048,
        description="Size of the token embedding; default as `units`, then tied to the output layer.",
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="Dropout rate between layers; default 0.3, or 0 for few lines."
    )
    epochs: int = Field(20, ge=1, le=1000, description="Number of epochs; a tiny corpus is repeated within an epoch.")
    batch_size: int = Field(32, ge=1, le=1024, description="Sequences per batch.")
    window: int = Field(
        32, ge=2, le=512, description="Tokens per step of truncated backpropagation; the state is carried over."
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Peak learning rate; default 0.002 for simple_rnn, 0.006 for the others.",
    )

    @field_validator("corpus")
    @classmethod
    def _are_names(cls, corpus: str) -> str:
        for name in corpus_names(corpus):
            if len(f"{name}.txt".encode()) > LONGEST_NAME:
                raise ValueError(f"the name {name[:20]!r}… is too long: file names have at most {LONGEST_NAME} bytes")
        return corpus

    @field_validator("text")
    @classmethod
    def _is_text(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                check_text(text[:CHECKED], "`text`")
            except InvalidRequest as fault:
                raise ValueError(str(fault)) from None
        return text

    @model_validator(mode="after")
    def _one_corpus(self) -> Self:
        if self.text is not None and "corpus" in self.model_fields_set:
            raise ValueError("`text` and `corpus` exclude each other: send only one of them")
        return self


def corpus_names(corpus: str) -> list[str]:
    """The names of the texts that a corpus joins, without `.txt`."""
    return [name.strip().removesuffix(".txt") for name in corpus.split(",")]


def corpus_file(name: str) -> DataFile:
    """The file that holds the text of this name."""
    return DataFile(name=f"{name}.txt", origin="", digest="", check=check_file)


def files(hyperparameters: TextHyperparameters) -> Sequence[DataFile]:
    """The files of the corpus, unless the sample will do."""
    return [corpus_file(name) for name in corpus_names(hyperparameters.corpus) if name != SAMPLE]


def jobs(hyperparameters: TextHyperparameters, keep: Callable[[bytes], str]) -> Sequence[TextHyperparameters]:
    """A job for each cell that is asked for, its text kept under a name of its own."""
    chosen = hyperparameters.model_dump(exclude_unset=True, exclude={"text"})
    if hyperparameters.text is not None:
        chosen["corpus"] = keep(hyperparameters.text.encode())
    cells = [{"cell": cell} for cell in MODELS] if hyperparameters.cell == "all" else [{}]
    return [TextHyperparameters(**chosen | cell) for cell in cells]


FAMILY = Family(
    name="text",
    title="Text, continued",
    built_in_models=tuple(MODELS.values()),
    task="generate",
    hyperparameters=TextHyperparameters,
    recipe="app.families.text.recipe:TextRecipe",
    servable="app.families.text.servable:TextServable",
    files=files,
    model=lambda hyperparameters: MODELS[hyperparameters.cell],
    sample={"corpus": SAMPLE, "units": 32, "epochs": 1},
    jobs=jobs,
    upload=Upload(
        kind="text",
        field="corpus",
        inline="text",
        arriving=partial(TextCheck, "the file"),
        check=partial(check_file, name="the file"),
        description="The corpus: plain text in UTF-8, in UTF-16 with its byte order mark, or in CP949.",
    ),
    extra_files=(VOCABULARY,),
    users_name_models=True,
)
