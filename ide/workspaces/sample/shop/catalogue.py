from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    code: str
    name: str
    cents: int
    reduced_tax: bool = False


SHELF = [
    Product("apple", "Apple", 45, reduced_tax=True),
    Product("bread", "Rye bread", 390, reduced_tax=True),
    Product("soap", "Olive soap", 275),
    Product("candle", "Beeswax candle", 620),
]


def find(code, shelf=SHELF):
    for product in shelf:
        if product.code == code:
            return product
    raise KeyError(f"no product has the code {code!r}")


def cheaper_than(cents, shelf=SHELF):
    return [product for product in shelf if product.cents < cents]


def search(words, shelf=SHELF):
    wanted = words.lower().split()
    return [product for product in shelf if all(word in product.name.lower() for word in wanted)]
