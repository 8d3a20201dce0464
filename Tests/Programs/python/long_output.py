for number in range(5000):
    print(f"line {number} " + "sand" * (number % 7))
