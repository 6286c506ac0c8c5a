"""What a test of several machines asks of the site's database, as functions whose arguments and results are JSON."""

from __future__ import annotations

import subprocess
from typing import Any

from django.core.management import call_command
from django.test import Client

from agents.models import Endpoint, Job
from ide.accounts.models import Membership, Team, User
from ide.workspaces.models import Workspace


def migrate() -> bool:
    call_command("migrate", verbosity=0, interactive=False)
    return True


def ground(code: str, script: str) -> dict[str, Any]:
    """A workspace with one committed file, its owner signed in, and a scripted model."""
    team = Team.objects.create(name="t")
    user = User.objects.create_user(username="ada")
    Membership.objects.create(team=team, user=user, role="owner")
    row = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
    row.folder.mkdir(parents=True)
    (row.folder / "a.py").write_text(code)
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "first")):
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        subprocess.run(["git", *identity, *words], cwd=row.folder, check=True, capture_output=True)
    Endpoint.objects.create(name="s", dialect="scripted", base_url=script, model="script", drives_tools=True)
    client = Client()
    client.force_login(user)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    return {"workspace": row.pk, "folder": str(row.folder), "cookies": cookies}


def job(job_id: str) -> dict[str, Any]:
    row = Job.objects.get(pk=job_id)
    steps = list(row.steps.filter(state="done").order_by("position").values_list("name", flat=True))
    kinds = list(row.events.order_by("id").values_list("kind", flat=True))
    told = {
        name: getattr(row, name) for name in ("state", "error", "phase", "head", "base", "lease_owner", "lease_fence")
    }
    return {**told, "steps": steps, "events": kinds}
