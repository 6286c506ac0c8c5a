from shop.basket import line_price, total

TAX = 19  # per cent, contained in the price
REDUCED_TAX = 7


def money(cents):
    return f"{cents // 100}.{cents % 100:02d}"


def tax_in(cents, percent):
    return round(cents * percent / (100 + percent))


def tax_of(basket):
    cents = 0
    for product, count in basket.lines():
        percent = REDUCED_TAX if product.reduced_tax else TAX
        cents += tax_in(line_price(product, count), percent)
    return cents


def receipt(basket, width=32):
    rows = []
    for product, count in basket.lines():
        label = f"{count} x {product.name}"
        rows.append(label.ljust(width - 8) + money(line_price(product, count)).rjust(8))
    rows.append("-" * width)
    rows.append("Total".ljust(width - 8) + money(total(basket)).rjust(8))
    rows.append("of which tax".ljust(width - 8) + money(tax_of(basket)).rjust(8))
    return "\n".join(rows)
