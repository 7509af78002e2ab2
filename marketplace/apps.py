from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MarketplaceConfig(AppConfig):
    name = "marketplace"
    verbose_name = "Jiebang"

    def ready(self) -> None:
        # The rooms join only once the models are loaded.
        from marketplace import registry  # noqa: PLC0415
        from marketplace.base.roles import grant_application_role  # noqa: PLC0415

        registry.connect()
        post_migrate.connect(grant_application_role, sender=self)
