from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "ide.audit"
    label = "audit"

    def ready(self) -> None:
        from ide.audit import signals

        signals.connect()
