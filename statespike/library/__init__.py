"""What `import statespike` offers; each function is imported from here when it is first used."""
