"""What the demo works on: `customers.csv`, 80 invented customers of twelve countries, an empty field being a null."""
