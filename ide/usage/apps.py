from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "ide.usage"
    label = "usage"
