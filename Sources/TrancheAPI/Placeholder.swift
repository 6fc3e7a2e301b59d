// TrancheAPI
