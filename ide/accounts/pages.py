"""The doors people come in by: the first administrator's link and invites; and what every page knows of the site."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from allauth.socialaccount.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ide.accounts.adapter import INVITED
from ide.accounts.first_link import find_first_link, first_administrator, has_administrator
from ide.accounts.forms import NewAccount
from ide.accounts.invites import adds_nothing, find_invite, join, join_as_new
from ide.accounts.models import FirstLink, Invite, User
from ide.errors import Refused

THEME_COOKIE = "tandem_theme"
THEMES = ("dark", "light")
BACKEND = settings.AUTHENTICATION_BACKENDS[0]


def site(request: HttpRequest) -> dict[str, object]:
    """Context of every template: the site's name, and the theme the app last wrote into its cookie."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    known = {"site_name": settings.SITE_NAME, "theme": theme if theme in THEMES else THEMES[0]}
    later = {"sign_in_with": SimpleLazyObject(lambda: sign_in_with(request)), "first": lambda: not has_administrator()}
    return {**known, **later, "mail": bool(settings.MAIL)}


def sign_in_with(request: HttpRequest) -> list[dict[str, str]]:
    """Others who can say who somebody is: their names, and where the way to them begins."""
    found = get_adapter(request).list_providers(request)
    return [{"name": one.name, "url": one.get_login_url(request, process="login")} for one in found]


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """The first administrator's one-time link: make the account, sign in, go Home."""
    try:
        link = find_first_link(token)
        return _welcome(request, link)
    except Refused as refused:
        return sorry(request, refused, "This link cannot be used")


def _welcome(request: HttpRequest, link: FirstLink) -> HttpResponse:
    form = NewAccount(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = first_administrator(link, form.person())
        except IntegrityError:
            form.add_error("username", TAKEN)
        else:
            _enter(request, person)
            return HttpResponseRedirect("/")
    return render(request, "welcome.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest, token: str) -> HttpResponse:
    """An invite: who is signed in joins; others make an account here, or sign in first and come back."""
    try:
        found = find_invite(token)
        if request.user.is_authenticated:
            return _join(request, found)
        request.session[INVITED] = token  # for who goes on with another account of theirs
        return _join_as_new(request, found)
    except Refused as refused:
        return sorry(request, refused, "This invite cannot be used")


def _join(request: HttpRequest, found: Invite) -> HttpResponse:
    person = cast(User, request.user)
    if adds_nothing(person, found):
        return HttpResponseRedirect(found.goes_to or "/")
    if request.method == "POST":
        join(person, found)
        return HttpResponseRedirect(found.goes_to or "/")
    return render(request, "invite_join.html", {"invite": found})


def _join_as_new(request: HttpRequest, found: Invite) -> HttpResponse:
    form = NewAccount(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = join_as_new(form.person(), found)
        except IntegrityError:
            form.add_error("username", TAKEN)
        else:
            _enter(request, person)
            return HttpResponseRedirect(found.goes_to or "/")
    context = {"form": form, "invite": found, "sign_in": f"{settings.LOGIN_URL}?{urlencode({'next': request.path})}"}
    return render(request, "invite_new.html", context, status=422 if form.errors else 200)


TAKEN = "This username was taken a moment ago. Choose another."


def _enter(request: HttpRequest, person: User) -> None:
    """Signed in, and in the list of places where one is, as after a password."""
    login(request, person, backend=BACKEND)
    UserSession.objects.create_from_request(request)


def sorry(request: HttpRequest, refused: Refused, title: str) -> HttpResponse:
    """A page that says what was not done, why, and what to do."""
    context = {"title": title, "what": refused.what, "do": refused.do}
    return render(request, "message.html", context, status=refused.status)
