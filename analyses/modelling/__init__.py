"""The instrument's models, fitted once and judged against their rivals."""
