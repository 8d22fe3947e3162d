"""How a model that answers is listed."""

from datetime import datetime

from app.serving.servables import Servables
from app.web.protocols.openai.responses import Capabilities, ModelEntry


def entry_of(servables: Servables, model: str) -> ModelEntry:
    """A model by its live version; raises Conflict when there is none."""
    created = datetime.fromisoformat(servables.live(model).card.created)
    can = Capabilities(completions=servables.models[model].task == "generate")
    return ModelEntry(id=model, created=int(created.timestamp()), capabilities=can)
