from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "ide.documents"
    label = "documents"

    def ready(self) -> None:
        from ide.documents.log.durable import DURABLE
        from ide.parts import register_check

        register_check(DURABLE)
