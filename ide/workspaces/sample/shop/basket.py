from shop.catalogue import find

BULK = 10
BULK_DISCOUNT = 5  # per cent


class Basket:
    def __init__(self):
        self.counts = {}

    def add(self, code, count=1):
        find(code)
        if count < 1:
            raise ValueError("add at least one")
        self.counts[code] = self.counts.get(code, 0) + count

    def remove(self, code, count=1):
        left = self.counts.get(code, 0) - count
        if left < 0:
            raise ValueError("there are not that many in the basket")
        if left == 0:
            del self.counts[code]
        else:
            self.counts[code] = left

    def lines(self):
        return [(find(code), count) for code, count in sorted(self.counts.items())]


def line_price(product, count):
    price = product.cents * count
    if count >= BULK:
        price -= price * BULK_DISCOUNT // 100
    return price


def total(basket):
    cents = 0
    for product, count in basket.lines():
        cents += line_price(product, count)
    return cents
