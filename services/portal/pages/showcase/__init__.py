"""All components on one page, with samples."""
