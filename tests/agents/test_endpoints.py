"""Which models there are, which comes first, and that keys stay secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.sites import site as admin_site
from django.core.management import call_command
from django.test import Client, RequestFactory

from agents import wire
from agents.endpoints import choice as endpoints
from agents.endpoints import keys
from agents.models import Endpoint
from ide.accounts.models import User
from ide.errors import Unavailable

pytestmark = pytest.mark.django_db
KEY = "sk-very-secret-1234567890"


@pytest.fixture
def bare(settings: Any, tmp_path: Path) -> Any:
    """No key, no built-in model, no script."""
    for hosted in endpoints.PROVIDERS:
        setattr(settings, f"{hosted.setting}_API_KEY", "")
    settings.OPENAI_BASE_URL = settings.SCRIPTED_MODEL = ""
    settings.BUILTIN_MODEL, settings.BUILTIN_MODEL_PORT = False, 1
    return settings


def names() -> list[str]:
    return [row.name for row in endpoints.usable()]


def test_keys_in_the_settings_become_endpoints_once(bare: Any) -> None:
    bare.GROQ_API_KEY = KEY
    bare.BUILTIN_MODEL = True
    call_command("endpoints", verbosity=0)
    Endpoint.objects.filter(name="Groq").update(model="changed by an administrator")
    call_command("endpoints", verbosity=0)
    first, second = endpoints.usable()[:2]
    assert (first.name, first.model, second.builtin) == ("Groq", "changed by an administrator", True)
    assert wire.models(endpoints.usable())["advice"] == ""


def test_the_built_in_model_alone_says_how_to_connect_a_better_one(bare: Any) -> None:
    bare.BUILTIN_MODEL = True
    bare.BUILTIN_MODEL_PORT = 4711
    endpoints.sync_endpoints()
    bare.BUILTIN_MODEL_PORT = 4712
    endpoints.sync_endpoints()
    row = Endpoint.objects.get(builtin=True)
    assert row.base_url == "http://127.0.0.1:4712/v1"
    assert not row.drives_tools
    assert "Models…" in str(wire.models([row])["advice"])


def test_the_script_is_labelled_and_never_the_default(bare: Any) -> None:
    bare.SCRIPTED_MODEL = "script.json"
    bare.BUILTIN_MODEL = True
    endpoints.sync_endpoints()
    Endpoint.objects.filter(dialect="scripted").update(rank=-5)
    assert [row.dialect for row in endpoints.usable()][-1] == "scripted"
    assert wire.endpoint(endpoints.usable()[-1])["scripted"] is True
    bare.SCRIPTED_MODEL = ""
    endpoints.sync_endpoints()
    assert "scripted" not in [row.dialect for row in endpoints.usable()]


def test_without_any_model_the_refusal_says_what_to_do(bare: Any) -> None:
    endpoints.sync_endpoints()
    Endpoint.objects.all().delete()
    with pytest.raises(Unavailable) as refusal:
        endpoints.choose(None)
    assert refusal.value.do


def test_a_key_is_stored_encrypted_and_given_to_the_provider_only(bare: Any) -> None:
    bare.OPENAI_API_KEY = KEY
    endpoints.sync_endpoints()
    row = Endpoint.objects.get(name="OpenAI")
    assert KEY.encode() not in bytes(row.key_encrypted)
    assert keys.decrypt(bytes(row.key_encrypted)) == KEY
    assert KEY not in str(wire.models([row]))
    assert row.dialect == Endpoint.Dialect.RESPONSES
    bare.KEY_FILE_SECRET = "another"
    with pytest.raises(Unavailable):
        keys.decrypt(bytes(row.key_encrypted))


def test_the_admin_takes_a_key_and_never_shows_it(bare: Any) -> None:
    root = User.objects.create_superuser(username="root", password="x")
    row = Endpoint.objects.create(name="Mine", base_url="http://127.0.0.1:1/v1", model="m", rank=1)
    request = RequestFactory().get("/admin/")
    request.user = root
    form = admin_site._registry[Endpoint].get_form(request)
    data = {
        "name": "Mine",
        "dialect": "chat",
        "base_url": row.base_url,
        "model": "m",
        "window": 1000,
        "rank": 1,
        "key": KEY,
        "extra": "{}",
        "abilities": "{}",
        **dict.fromkeys(("price_input", "price_cached", "price_output"), "0"),
    }
    filled = form(data, instance=row)
    assert filled.is_valid(), filled.errors
    filled.save()
    row.refresh_from_db()
    assert keys.decrypt(bytes(row.key_encrypted)) == KEY
    filled = form({**data, "key": ""}, instance=row)
    assert filled.is_valid()
    filled.save()
    row.refresh_from_db()
    assert keys.decrypt(bytes(row.key_encrypted)) == KEY, "an empty field leaves the key"
    client = Client()
    client.force_login(root)
    page = client.get(f"/admin/agents/endpoint/{row.pk}/change/").content.decode()
    assert KEY not in page
    assert "Stored encrypted" in page


@pytest.mark.parametrize("model", ["session", "turn", "item", "job", "step", "jobevent", "proposal", "endpoint"])
def test_every_list_of_the_admin_opens(model: str, client: Client) -> None:
    client.force_login(User.objects.create_superuser(username="root", password="x"))
    assert client.get(f"/admin/agents/{model}/?q=a").status_code == 200
