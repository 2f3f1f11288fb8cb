"""Print what the digits file holds: a script task, declared in nemorun.toml."""

from __future__ import annotations

from collections import Counter

from digits.data import CLASSES, DIGITS_FILE, PIXELS, load_digits, split_digits


def main() -> None:
    """Count the images, in all and per digit, in both parts of the split."""
    images = load_digits()
    split = split_digits(images)
    print(f"{DIGITS_FILE.name}: {len(images)} images of {PIXELS} pixels, {CLASSES} digits")
    print("digit  training  held out")
    training = Counter(image.label for image in split.training)
    held_out = Counter(image.label for image in split.held_out)
    for digit in range(CLASSES):
        print(f"{digit:5}  {training[digit]:8}  {held_out[digit]:8}")
    print(f"  all  {len(split.training):8}  {len(split.held_out):8}")


if __name__ == "__main__":
    main()
