"""Bringing a network: its weights are held against the architecture, kept, and made a model by a worker."""

from sqlalchemy import Connection, select

from app.deps import Parts
from app.models import service
from app.models.inspection import Counted, Wanted, inspected
from app.models.intake import Sent
from winnow.contract.catalog.architectures import ARCHITECTURES, Architecture
from winnow.contract.catalog.tensors import tensors
from winnow.contract.hints import did_you_mean, summary
from winnow.contract.problems import Conflict, FieldError, InvalidFile, InvalidSpec
from winnow.contract.reading import read
from winnow.contract.resources import Model
from winnow.contract.specs.brought import BROUGHT, BroughtSpec
from winnow.contract.specs.choices import ModelChoice
from winnow.contract.specs.jobs import EvaluateSpec
from winnow.contract.units import Unit
from winnow.db.insert import insert_absent
from winnow.db.tables import TENANT, files, models, units
from winnow.jobs.objects import still_kept, touch
from winnow.jobs.states import OPEN
from winnow.jobs.submit import submit
from winnow.plan import brought, resolve


def bring(parts: Parts, sent: Sent, name: str) -> tuple[Model, bool]:
    """Keep a network and let a worker make its files; False beside it where it was there already.

    Raises InvalidSpec, InvalidFile with `missing`, `unexpected` and `wrong_shape`, and Conflict where the name has
    other content.
    """
    spec = read(BROUGHT, sent.spec)
    counted = _inspected(sent, spec, _architecture(spec))
    unit = brought(spec, sent.weights.sha256, sent.mask.sha256 if sent.mask else None)
    with parts.database.write() as conn:
        for file in (sent.weights, *([sent.mask] if sent.mask else [])):
            touch(conn, file.sha256, file.bytes)
    parts.objects.put(sent.weights.path)
    if sent.mask:
        parts.objects.put(sent.mask.path)
    with parts.database.write() as conn:
        new = _keep(conn, sent, name, unit, counted)
    return service.get(parts, unit.model_id or ""), new


def _architecture(spec: BroughtSpec) -> Architecture:
    known = ARCHITECTURES.get(spec.architecture)
    if known is None:
        hint = did_you_mean(spec.architecture, ARCHITECTURES)
        error = FieldError(
            loc=("body", "architecture"), msg=f"there is no architecture {spec.architecture!r}", hint=hint
        )
        raise InvalidSpec(summary((error,)), (error,))
    if min(spec.input.size) < known.smallest:
        raise InvalidSpec(f"{known.name} wants images of at least {known.smallest}×{known.smallest} pixels.")
    return known


def _inspected(sent: Sent, spec: BroughtSpec, architecture: Architecture) -> Counted:
    wanted = tensors(architecture.name, len(spec.classes), spec.input.channels, spec.input.size)
    prunable = tuple(name for name, _ in architecture.layers)
    mask = sent.mask.path if sent.mask else None
    try:
        return inspected(sent.weights.path, mask, Wanted(wanted, prunable, spec.zeros))
    except InvalidFile as error:  # which knows them by where they lie here: whoever sent them knows the form's parts
        detail = error.detail.replace(sent.weights.path.name, "The file `weights`")
        detail = detail if mask is None else detail.replace(mask.name, "The file `mask`")
        raise InvalidFile(detail, error.errors, **error.members) from error


def _keep(conn: Connection, sent: Sent, name: str, unit: Unit, counted: Counted) -> bool:
    """The job that makes the files, what it reads, and the model itself."""
    model_id = unit.model_id or ""
    there = _is_there(conn, model_id, name)
    if not (there and _is_under_way(conn, unit)):  # its job may have been cancelled, or have failed
        spec = EvaluateSpec(model=ModelChoice(name=model_id))
        submit(conn, tenant=TENANT, sent=spec.model_dump(mode="json"), resolved=resolve(spec, None, "cpu", (unit,)))
    if there:
        return False
    brought = {"weights": sent.weights, "mask": sent.mask}
    kept = [(f"brought-{part}", file) for part, file in brought.items() if file is not None]
    still_kept(conn, (file.sha256 for _, file in kept))
    this = {"tenant": TENANT, "unit_key": unit.key}
    insert_absent(conn, files, [{**this, "name": n, "sha256": f.sha256, "bytes": f.bytes} for n, f in kept])
    row = {
        **this,
        "id": model_id,
        "kind": unit.kind,
        "name": name,
        "architecture": unit.network.architecture,
        "classes": unit.classes,
        "replicate": 0,
        "level": 0,
        "zeros": counted.zeros,
        "prunable": counted.prunable,
    }
    insert_absent(conn, models, [row])
    return _is_there(conn, model_id, name)  # another may have been faster


def _is_under_way(conn: Connection, unit: Unit) -> bool:
    """Whether its files are there, or will be."""
    # One that still runs, and that nobody wants, is being stopped.
    made = (units.c.state == "done") | (units.c.state.in_(OPEN) & (units.c.wanted > 0))
    return conn.scalar(select(units.c.key).where(units.c.tenant == TENANT, units.c.key == unit.key, made)) is not None


def _is_there(conn: Connection, model_id: str, name: str) -> bool:
    """Whether this network has a row under this name. Raises Conflict where either has one with another."""
    either = (models.c.name == name) | (models.c.id == model_id)
    found = conn.execute(select(models.c.id, models.c.name).where(models.c.tenant == TENANT, either)).all()
    if as_what := [row.name for row in found if row.id == model_id and row.name != name]:
        raise Conflict(f"This very network is there already, as {as_what[0]!r} ({model_id}). Use that.")
    if others := [row.id for row in found if row.id != model_id]:
        raise Conflict(f"The model {others[0]} has this name with other content. Give this one another name.")
    return bool(found)
