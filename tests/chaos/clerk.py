"""What a run asks of the site's database and disk, as functions whose arguments and results are JSON.

It reads the log as anybody could: rows, snapshots and client ids by the ORM, applied by pycrdt; nothing of the code
that wrote them is asked.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from ide.accounts.models import Membership, Team, User
from ide.documents.models import Attribution, ClientId, Document, DocumentUpdate, Quarantined, Snapshot, Version
from ide.documents.yjs.anchors import Ruler
from ide.documents.yjs.items import Sequence
from ide.documents.yjs.replica import Replica
from ide.workspaces.models import Workspace
from tests.chaos.rows import SEED

BESIDE: tuple[type[Any], ...] = (DocumentUpdate, Snapshot, ClientId, Attribution, Version, Quarantined)
ROLES = {"ana": "owner", "ben": "editor", "cyd": "editor", "node": "maintainer", "eve": "viewer"}
_TOKEN = re.compile("⟦[^⟦⟧:]+:[0-9]+⟧")

Json = dict[str, Any]


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def ground(path: str) -> Json:
    """A team of five with a workspace and one file in it; their session keys."""
    team = Team.objects.create(name="chaos")
    people = {}
    for name, role in ROLES.items():
        user, made = User.objects.get_or_create(username=name)
        if made:
            user.set_unusable_password()
            user.save()
        Membership.objects.create(team=team, user=user, role=role)
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        people[name] = {"session": session.session_key, "origin": f"person:{user.pk}", "role": role}
    workspace = Workspace.objects.create(name=path, team=team, source="empty", state="ready")
    file = workspace.folder / path
    file.parent.mkdir(parents=True)
    file.write_bytes(SEED.encode())
    document = Document.objects.create(workspace=workspace, path=path)
    return {"workspace": workspace.pk, "document": document.pk, "file": str(file), "people": people}


def facts(document: str) -> Json:
    """The text as each layer has it, who wrote what, and what is beside it."""
    row = Document.objects.get(pk=document)
    everything = rows(document, row.epoch)
    snapshots = Snapshot.objects.filter(document_id=document, epoch=row.epoch).order_by("-seq")
    good = [s for s in snapshots if hashlib.sha256(bytes(s.data)).hexdigest() == s.sha]
    texts = {}
    complete = [seq for seq, _ in everything] == list(range(1, row.seq + 1))
    if complete:
        texts["log"] = text_of([data for _, data in everything])
    tail = [data for seq, data in everything if not good or seq > good[0].seq]
    loaded = [bytes(good[0].data), *tail] if good else tail
    texts["snapshot and tail"] = text_of(loaded)
    return {
        "texts": texts,
        "authors": authors(document, row.epoch, loaded),
        "epoch": row.epoch,
        "seq": row.seq,
        "disk_seq": row.disk_seq,
        "snapshots": len(good),
        "damaged": len(snapshots) - len(good),
        "rows": len(everything),
        "quarantined": [q.reason for q in Quarantined.objects.filter(document_id=document)],
        "detached": row.detached,
    }


def rows(document: str, epoch: int) -> list[tuple[int, bytes]]:
    found = DocumentUpdate.objects.filter(document_id=document, epoch=epoch).order_by("seq")
    return [(row.seq, bytes(row.data)) for row in found]


def text_of(updates: list[bytes]) -> str:
    """As Yjs reads them: pycrdt goes wrong behind a gap (ide/documents/yjs/waiting.py), our own sequence does not."""
    return Sequence(updates).text()


def authors(document: str, epoch: int, updates: list[bytes]) -> dict[str, str]:
    """Origin by token: of the client id of its first character, unless a range says otherwise."""
    replica = Replica(updates)
    ruler = Ruler(replica)
    owners = dict(ClientId.objects.filter(document_id=document, epoch=epoch).values_list("client", "origin"))
    ranges = Attribution.objects.filter(document_id=document, epoch=epoch).values_list(
        "client", "clock", "length", "origin"
    )
    told = {}
    for match in _TOKEN.finditer(replica.text()):
        client, clock = ruler.place(match.start(), 0).unit or (0, 0)
        moved = [origin for one, at, length, origin in ranges if one == client and at <= clock < at + length]
        told[match[0]] = moved[0] if moved else owners.get(client, "")
    return told


def snapshots(document: str) -> int:
    """How many count: one without a checksum was never finished."""
    return Snapshot.objects.filter(document_id=document).exclude(sha="").count()


def damage_snapshot(document: str) -> None:
    """Turn one bit of the newest snapshot."""
    newest = Snapshot.objects.filter(document_id=document).exclude(sha="").order_by("-seq")[0]
    data = bytearray(newest.data)
    data[len(data) // 2] ^= 1
    Snapshot.objects.filter(pk=newest.pk).update(data=bytes(data))


def is_live(workspace: str) -> bool:
    """Whether somebody still has a lease."""
    return Workspace.objects.exclude(host="").filter(pk=workspace, host_until__gt=timezone.now()).exists()


def backup(document: str, into: str) -> None:
    """What the database has of a document, into a file."""
    kept = [*Document.objects.filter(pk=document)]
    for kind in BESIDE:
        kept += kind.objects.filter(document_id=document)
    Path(into).write_text(serializers.serialize("json", kept))


def restore(document: str, source: str) -> None:
    """The same, put back in place of what there is."""
    with transaction.atomic():
        for kind in BESIDE:
            kind.objects.filter(document_id=document).delete()
        for one in serializers.deserialize("json", Path(source).read_text()):
            one.save()
