from django.db import models


class Loan(models.Model):
    book = models.CharField(max_length=100)
    reader = models.CharField(max_length=100)
    is_returned = models.BooleanField(default=False)
