"""The certificate as a file: canonical JSON that carries its own checksum.

The seal finds what was changed by accident or in passing; it is no signature. As the certificate names the files of
every network by SHA-256, what it says of them holds for the bytes that they have.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from winnow.artifact.atomic import write_atomically
from winnow.contract.problems import InvalidFile
from winnow.contract.values import canonical_json, sha256_hex

VERSION = 1


def seal(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """The certificate with `sha256`: that of the canonical JSON of everything else. Sealing twice changes nothing."""
    rest = {name: value for name, value in certificate.items() if name != "sha256"}
    return rest | {"sha256": sha256_hex(canonical_json(rest))}


def write_certificate(path: Path, certificate: Mapping[str, Any]) -> None:
    """Writes the sealed certificate as canonical JSON."""
    write_atomically(path, [canonical_json(seal(certificate))])


def read_certificate(path: Path) -> dict[str, Any]:
    """Reads a certificate; InvalidFile where it is of another version, or not as it was written."""
    data = path.read_bytes()
    try:
        certificate = json.loads(data)
        as_written = isinstance(certificate, dict) and canonical_json(seal(certificate)) == data
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{path.name} is no certificate ({error}); get it again from the job") from error
    if not as_written:
        raise InvalidFile(f"{path.name} is not as it was written: its checksum differs; get it again from the job")
    if certificate.get("certificate") != VERSION:
        raise InvalidFile(f"{path.name} is of another version; this Winnow reads certificates of version {VERSION}")
    return dict(certificate)


def files_by_sha256(certificate: Mapping[str, Any]) -> dict[str, list[str]]:
    """SHA-256 of each file of each network → what it is, in words, once for each network that has these bytes.

    A ticket's mask is its controls' too: networks stand in the certificate's order, tickets before controls, and those
    of the job itself before those of jobs that it begins with. Of a sweep, every point's are there.
    Raises InvalidFile where the certificate has another form.
    """
    found: dict[str, list[str]] = {}
    try:
        for sha256, said in _files(certificate):
            found.setdefault(sha256, []).append(said)
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidFile("the certificate is sealed, but not of the form that Winnow writes") from error
    return found


def _files(certificate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for network in certificate.get("networks", ()):
        known = f", {network['model_id']}" if network["model_id"] else ""
        place = f"{network['arm']}, level {network['level']}, replicate {network['replicate']}{known}"
        for name, file in network["files"].items():
            yield file["sha256"], f"{name} of {place}"
    for part in (*certificate.get("points", ()), *certificate.get("before", ())):
        yield from _files(part)
