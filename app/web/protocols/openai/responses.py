"""The answer: completions and their chunks, and the list of models."""

from typing import Literal

from pydantic import BaseModel, Field


class Logprobs(BaseModel):
    """What a choice is made of, token by token: four lists of one length."""

    tokens: list[str] = Field(
        description="Each with the space before it; bytes that are no whole character are written `bytes:\\xea\\xb0`, "
        "a line's end `<end>`."
    )
    token_logprobs: list[float | None] = Field(
        description="Natural logarithms of the network's own probabilities, whatever the parameters changed; null for "
        "the first token of a prompt."
    )
    top_logprobs: list[dict[str, float] | None] = Field(
        description="As many of the likeliest tokens as were asked for, and the one that was chosen."
    )
    text_offset: list[int] = Field(
        description="Where each begins, in characters from the beginning of the prompt in Unicode's composed form, "
        "whether that is echoed or not."
    )


class Choice(BaseModel):
    """One continuation."""

    text: str
    index: int
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"] | None


class Usage(BaseModel):
    """Tokens of the model's own vocabulary, of every choice that was written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionResponse(BaseModel):
    """The answer."""

    id: str = Field(examples=["cmpl-7f0c"])
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    system_fingerprint: str = Field(description="The version that answered.", examples=["lstm-1"])


class Capabilities(BaseModel):
    """What a model can be asked for here."""

    completions: bool = Field(description="Whether POST /v1/completions takes it.")


class ModelEntry(BaseModel):
    """One model that answers."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "fitserve"
    capabilities: Capabilities


class ModelList(BaseModel):
    """The models that answer."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]
