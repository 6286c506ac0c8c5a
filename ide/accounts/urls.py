"""Paths of signing in and out. allauth's views are named one by one: there is no open sign-up, e-mail or reset."""

from __future__ import annotations

from allauth.account import views
from django.contrib.auth.decorators import login_required
from django.urls import path

from ide.accounts import pages

urlpatterns = [
    path("accounts/login/", views.login, name="account_login"),
    path("accounts/logout/", views.logout, name="account_logout"),
    path("accounts/inactive/", views.account_inactive, name="account_inactive"),
    path("accounts/password/change/", login_required(views.password_change), name="account_change_password"),
    path("accounts/reauthenticate/", login_required(views.reauthenticate), name="account_reauthenticate"),
    path("welcome/<str:token>", pages.welcome, name="welcome"),
    path("invite/<str:token>", pages.invite, name="invite"),
]
