from django.apps import AppConfig


class IdeConfig(AppConfig):
    """Gives Django the commands `up`, `doctor` and `bench`; the models live in the apps below."""

    name = "ide"
    label = "ide"

    def ready(self) -> None:
        from ide import celery  # noqa: F401  the application that tasks and their senders are bound to
        from ide.management import servers

        servers.register()
