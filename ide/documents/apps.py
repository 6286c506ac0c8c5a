from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "ide.documents"
    label = "documents"
