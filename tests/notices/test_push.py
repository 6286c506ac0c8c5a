"""Web Push end to end: a push service that decrypts what it gets as a browser would, with the real crypto."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from pytest_django import Settings

from ide.accounts.models import User
from ide.notices import push
from ide.notices.models import Browser, Notice, PushKey
from ide.notices.tell import write
from tests.notices.test_notices import Place

pytestmark = pytest.mark.django_db
AUTH = b"sixteen bytes 16"


def text_of(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Service:
    """A push service with one browser behind it."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.status = 201
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.endpoint = f"http://{self.host}/push/one"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(service.status)
                if service.status == 302:
                    self.send_header("Location", f"http://{service.host}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing is to be said."""

        return Handler

    def read(self, body: bytes) -> Any:
        """RFC 8188 and 8291, from the receiver's side."""
        salt, length = body[:16], body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.key.exchange(ec.ECDH(), theirs)
        secret = derived(shared, AUTH, b"WebPush: info\0" + self.public + sender, 32)
        key = derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(secret, salt, b"Content-Encoding: nonce\0", 12)
        return json.loads(AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\x02"))


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = Service()
    settings.INTERNAL_HOSTS = [service.host]
    yield service
    service.close()


@pytest.fixture
def place() -> Place:
    return Place()


def subscribe(user: User, service: Service, status: int = 201, **other: str) -> Client:
    client = Client()
    client.force_login(user)
    body = {"endpoint": service.endpoint, "p256dh": text_of(service.public), "auth": text_of(AUTH), "name": "Chromium"}
    answer = client.post("/api/me/notices/browsers", json.dumps({**body, **other}), "application/json")
    assert answer.status_code == status, answer.content
    return client


def test_a_notice_arrives_encrypted_signed_and_once(place: Place, service: Service) -> None:
    client = subscribe(place.ana, service)
    assert client.get("/api/me/notices/settings").json()["browsers"][0]["here"] is True
    write([place.ana.pk, place.ben.pk], place.news())
    assert push.send() == 1
    assert push.send() == 0
    ((headers, body),) = service.got
    assert service.read(body) == {
        "title": "Ready for review",
        "body": "Add docstrings",
        "url": f"/w/{place.workspace.pk}",
    }
    assert b"docstrings" not in body
    assert headers["content-encoding"] == "aes128gcm"
    assert int(headers["ttl"]) > 3600
    token, key = headers["authorization"].removeprefix("vapid t=").split(", k=")
    assert key == client.get("/api/me/notices/settings").json()["key"]
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), urlsafe_b64decode(key + "="))
    said = jwt.decode(token, point, ["ES256"], audience=f"http://{service.host}")
    assert said["sub"] == "mailto:webmaster@localhost"


def test_who_unsubscribed_or_signed_out_is_forgotten(place: Place, service: Service) -> None:
    client = subscribe(place.ana, service)
    client.post("/accounts/logout/")
    assert not Browser.objects.exists()
    client = subscribe(place.ana, service)
    client.session.flush()  # ended elsewhere
    write([place.ana.pk], place.news("1"))
    assert push.send() == 0
    assert not service.got
    assert not Browser.objects.exists()
    for status in (404, 410):
        subscribe(place.ana, service)
        service.status = status
        write([place.ana.pk], place.news(f"gone {status}"))
        assert push.send() == 0
        assert not Browser.objects.exists()


def test_a_push_service_that_is_ill_gives_up_a_browser_only_after_long(place: Place, service: Service) -> None:
    subscribe(place.ana, service)
    service.status = 503
    for n in range(push.FAILURES - 1):
        write([place.ana.pk], place.news(f"{n}"))
        push.send()
    assert Browser.objects.get().failures == push.FAILURES - 1
    service.status = 201
    write([place.ana.pk], place.news("well again"))
    assert push.send() == 1
    assert Browser.objects.get().failures == 0


def test_redirects_are_not_followed(place: Place, service: Service) -> None:
    subscribe(place.ana, service)
    service.status = 302
    write([place.ana.pk], place.news())
    assert push.send() == 0
    assert len(service.got) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://1.1.1.1/push",
        "https://127.0.0.1/push",
        "https://10.0.0.8/push",
        "https://[::1]/push",
        "https://[::ffff:127.0.0.1]/push",
        "https://169.254.169.254/latest",
        "https://localhost/push",
        "https://user:word@1.1.1.1/push",
        "ftp://1.1.1.1/push",
        "file:///etc/passwd",
        "https://",
    ],
)
def test_addresses_of_our_own_network_and_without_tls_are_refused(
    place: Place, service: Service, endpoint: str
) -> None:
    subscribe(place.ana, service, 422, endpoint=endpoint)
    assert not Browser.objects.exists()


def test_an_address_that_became_private_is_not_connected_to(place: Place, service: Service, settings: Settings) -> None:
    subscribe(place.ana, service)
    settings.INTERNAL_HOSTS = []
    write([place.ana.pk], place.news())
    assert push.send() == 0
    assert not service.got


def test_what_is_no_key_is_refused(place: Place, service: Service) -> None:
    subscribe(place.ana, service, 422, p256dh=text_of(b"\x04" + b"\x01" * 64))
    subscribe(place.ana, service, 422, auth=text_of(b"short"))
    subscribe(place.ana, service, 422, p256dh="no base64 at all!")


def test_a_browser_belongs_to_who_signed_in_there_last(place: Place, service: Service) -> None:
    subscribe(place.ana, service)
    client = subscribe(place.ben, service)
    assert Browser.objects.get().person == place.ben
    write([place.ana.pk], place.news())
    assert push.send() == 0
    mine = Browser.objects.get().pk
    other = Client()
    other.force_login(place.ana)
    assert other.delete(f"/api/me/notices/browsers/{mine}").status_code == 404
    assert client.delete(f"/api/me/notices/browsers/{mine}").json()["browsers"] == []


def test_the_key_is_made_once_kept_encrypted_and_renewed_with_the_secret(
    place: Place, service: Service, settings: Settings
) -> None:
    first = push.keys()
    assert push.keys() == first
    assert b"PRIVATE KEY" in first.private
    assert "PRIVATE" not in PushKey.objects.get().private
    subscribe(place.ana, service)
    settings.KEY_FILE_SECRET = "another"
    assert push.keys().public != first.public
    assert not Browser.objects.exists()  # its subscription is bound to the old key


@pytest.mark.django_db(transaction=True)
def test_telling_does_not_wait_for_the_push_service(place: Place, service: Service) -> None:
    subscribe(place.ana, service)
    write([place.ana.pk], place.news())
    for thread in [one for one in threading.enumerate() if one.name == "web push"]:
        thread.join(20)
    assert service.read(service.got[0][1])["title"] == "Ready for review"
    assert Notice.objects.get().pushed_at is not None
