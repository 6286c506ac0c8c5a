from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "ide.dashboard"
    label = "dashboard"
