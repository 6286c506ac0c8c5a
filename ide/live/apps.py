from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "ide.live"
    label = "live"
