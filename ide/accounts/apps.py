from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ide.accounts"
    label = "accounts"
