print("perjury")
