"""/predict: images in, classes and probabilities out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from app.deps import Here
from app.openapi import problems
from app.predict import service
from app.predict.images import IMAGE_TYPES, JSON, MOST_IMAGES, MULTIPART, Images, sent_images
from winnow.contract.resources import Predictions

router = APIRouter(tags=["predict"])

Sent = Annotated[Images, Depends(sent_images)]

_BINARY = {"type": "string", "format": "binary"}
_FORM = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": MOST_IMAGES}
_PIXELS = {"type": "array", "items": {"type": "array", "items": {}}, "description": "H×W or H×W×C, 0–255."}
_INSTANCES = {"type": "array", "items": _PIXELS, "minItems": 1, "maxItems": MOST_IMAGES}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": _BINARY} for kind in IMAGE_TYPES}
        | {
            MULTIPART: {"schema": {"type": "object", "properties": {"file": _FORM}, "required": ["file"]}},
            JSON: {
                "schema": {
                    "type": "object",
                    "properties": {"instances": _INSTANCES},
                    "required": ["instances"],
                    "additionalProperties": False,
                }
            },
        },
    }
}
_ERRORS = problems(400, 404, 409, 413, 415, 422)


@router.post("/v1/models/{model_id}/predict", operation_id="models_predict", openapi_extra=_BODY, responses=_ERRORS)
def predict_with(here: Here, model_id: str, sent: Sent) -> Predictions:
    """What this model says of the images."""
    return service.predict(here, model_id, sent)


@router.post("/predict", operation_id="predict", openapi_extra=_BODY, responses=_ERRORS)
def predict(
    here: Here,
    sent: Sent,
    model: Annotated[
        str | None, Query(min_length=1, max_length=100, description="A model, or a job: its target's model.")
    ] = None,
) -> Predictions:
    """What a model says of the images: the one named, or the default one of this service."""
    return service.predict(here, model, sent)
