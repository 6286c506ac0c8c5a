from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "ide.dashboard"
    label = "dashboard"

    def ready(self) -> None:
        from ide.dashboard.figures import register_own

        register_own()
