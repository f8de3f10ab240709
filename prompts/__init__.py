"""Every text for an LLM, and the words that assistant and page share: templates and locales, and the code that reads them."""
