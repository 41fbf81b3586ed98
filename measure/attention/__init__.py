"""Who answered without reading."""
