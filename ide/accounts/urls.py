"""Paths of signing in and out. allauth's views are named one by one: there is no open sign-up."""

from __future__ import annotations

from allauth.account import views
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.urls import include, path

from ide.accounts import pages, sign_ins

urlpatterns = [
    path("accounts/login/", views.login, name="account_login"),
    path("accounts/logout/", views.logout, name="account_logout"),
    path("accounts/inactive/", views.account_inactive, name="account_inactive"),
    path("accounts/password/change/", login_required(views.password_change), name="account_change_password"),
    path("accounts/password/set/", login_required(views.password_set), name="account_set_password"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", sign_ins.sign_ins, name="usersessions_list"),
    path("accounts/3rdparty/", include("allauth.socialaccount.urls")),
    path("accounts/reauthenticate/", login_required(views.reauthenticate), name="account_reauthenticate"),
    path("welcome/<str:token>", pages.welcome, name="welcome"),
    path("invite/<str:token>", pages.invite, name="invite"),
]

for name, provider in settings.SOCIALACCOUNT_PROVIDERS.items():  # only those that are set up have doors
    if provider["APPS"]:
        urlpatterns.append(path("accounts/", include(f"allauth.socialaccount.providers.{name}.urls")))

if settings.MAIL:
    urlpatterns += [
        path("accounts/email/", views.email, name="account_email"),
        path("accounts/confirm-email/", views.email_verification_sent, name="account_email_verification_sent"),
        path("accounts/confirm-email/<str:key>/", views.confirm_email, name="account_confirm_email"),
        path("accounts/password/reset/", views.password_reset, name="account_reset_password"),
        path("accounts/password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
        path(
            "accounts/password/reset/key/<str:uidb36>-<str:key>/",
            views.password_reset_from_key,
            name="account_reset_password_from_key",
        ),
        path(
            "accounts/password/reset/key/done/",
            views.password_reset_from_key_done,
            name="account_reset_password_from_key_done",
        ),
    ]
