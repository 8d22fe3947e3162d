"""The request for completions: its parameters, their bounds, and what of them fits together."""

from typing import Annotated, Any, TypeAlias, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.families.contract import at_most
from app.web.requests.whole_numbers import WHOLE_NUMBER

MOST_PROMPTS = 32
MOST_TOKENS = 4096
LONGEST_PROMPT = 10_000  # characters, or tokens
MOST_BIASES = 1024

Text = Annotated[str, StringConstraints(max_length=LONGEST_PROMPT)]
Token = Annotated[int, Field(ge=0, lt=2**31), WHOLE_NUMBER]
Tokens = Annotated[list[Token], Field(min_length=1, max_length=LONGEST_PROMPT, fail_fast=True)]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Bias = Annotated[float, Field(ge=-100, le=100)]


def _form(prompt: Any) -> str:
    """Which of the four forms a prompt has, by its first item."""
    if not isinstance(prompt, list):
        return "text"
    first = prompt[0] if prompt else ""
    return "tokenised" if isinstance(first, list) else "texts" if isinstance(first, str) else "tokens"


Prompt: TypeAlias = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[list[Text], Field(min_length=1, max_length=MOST_PROMPTS), Tag("texts")]
    | Annotated[Tokens, Tag("tokens")]
    | Annotated[list[Tokens], Field(min_length=1, max_length=MOST_PROMPTS), Tag("tokenised")],
    Discriminator(_form),
]


def _nullable(schema: dict[str, Any]) -> None:
    """Say of every parameter with a default that null means it."""
    for name, parameter in schema["properties"].items():
        known = [form.get("type") for form in parameter.get("anyOf", [parameter])]
        if name not in schema["required"] and "null" not in known:
            about = {key: parameter.pop(key) for key in ("title", "description", "default") if key in parameter}
            schema["properties"][name] = {"anyOf": [parameter, {"type": "null"}], **about}


class StreamOptions(BaseModel):
    """What a stream tells besides the text."""

    model_config = ConfigDict(strict=True)

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """What to continue, and how. Null means the default. What other services add is ignored."""

    model_config = ConfigDict(strict=True, json_schema_extra=_nullable)

    model: str = Field(max_length=64, examples=["lstm"])
    prompt: Prompt | None = Field(
        description="A beginning, or several, as texts or as tokens: ids of the model's own vocabulary, which is the "
        "version's file `vocabulary.json`. What follows a text begins another word; tokens are taken as they are. "
        "Null is a line's beginning.",
        examples=["나는 오늘"],
    )
    max_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS), WHOLE_NUMBER] = Field(
        16, description="At most so many tokens for each choice; 0, with `echo` and `logprobs`, weighs the prompt."
    )
    temperature: float = Field(1.0, ge=0, le=2, allow_inf_nan=False)
    top_p: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)
    top_k: Annotated[int, Field(ge=1), WHOLE_NUMBER] | None = None
    min_p: float = Field(
        0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Leaves out what is less likely than so much of the likeliest.",
    )
    repetition_penalty: float = Field(1.0, ge=0.01, le=100, allow_inf_nan=False)
    frequency_penalty: float = Field(
        0.0, ge=-2, le=2, allow_inf_nan=False, description="Taken from a token's logit for each time it was chosen."
    )
    presence_penalty: float = Field(
        0.0, ge=-2, le=2, allow_inf_nan=False, description="Taken from a token's logit once it was chosen."
    )
    logit_bias: Annotated[dict[Annotated[str, StringConstraints(max_length=20)], Bias], at_most(MOST_BIASES)] = Field(
        default_factory=dict, max_length=MOST_BIASES, description="What is added to the logits of tokens, by their ids."
    )
    n: Annotated[int, Field(ge=1, le=128), WHOLE_NUMBER] = Field(
        1,
        description="Choices for each prompt. Those of all prompts together, or what `best_of` has of them, may "
        "be as many as FITSERVE_MAX_QUEUE_SIZE.",
    )
    stream: bool = Field(False, description="Send each piece as it comes; not together with a `best_of` above `n`.")
    best_of: Annotated[int, Field(ge=1, le=20), WHOLE_NUMBER] | None = Field(
        None,
        description="Of so many, at least `n`, the `n` that are likeliest by the mean of their tokens' logarithms. Not "
        "together with `stream`.",
    )
    logprobs: Annotated[int, Field(ge=0, le=5), WHOLE_NUMBER] | None = Field(
        None, description="Tell the logarithm of each token's probability, and so many of the likeliest in its place."
    )
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), WHOLE_NUMBER] | None = Field(
        None, description="The same seed gives the same text."
    )
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = Field(
        None, description="At most four texts that end a choice; not returned."
    )
    stream_options: StreamOptions | None = None
    echo: bool = Field(False, description="Begin each text with its prompt.")
    suffix: None = Field(None, description="Not supported: these models only read forwards.")
    user: str | None = Field(None, max_length=1_000)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None or name == "prompt"}

    @field_validator("suffix", mode="before")
    @classmethod
    def _no_suffix(cls, _: Any) -> None:
        raise PydanticCustomError("unsupported", "not supported: these models only read forwards")

    @field_validator("best_of")
    @classmethod
    def _enough_to_choose(cls, best_of: int, others: ValidationInfo) -> int:
        n, stream = others.data.get("n", 1), others.data.get("stream", False)
        if best_of < n:
            raise PydanticCustomError("too_few", "must be at least n, which is {n}", {"n": n})
        if stream and best_of > n:
            raise PydanticCustomError("not_streamed", "the best are known in the end only, so they are not streamed")
        return best_of

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each beginning by itself."""
        if self.prompt is None:
            return [""]
        several = _form(self.prompt) in ("texts", "tokenised")
        return cast("list[str | list[int]]", self.prompt if several else [self.prompt])

    @property
    def candidates(self) -> int:
        """How many choices are written for each prompt."""
        return self.best_of or self.n

    @property
    def stops(self) -> list[str]:
        """The texts that end a choice."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []
