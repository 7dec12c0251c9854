"""Dashboards: widgets that ask event data stores, refreshed by hand or by the clock (reference of Lake, §7).

`control` keeps them (front), `refreshing` has their queries run (role `lake`), `managed` holds those that come with OpenTrail,
`aliases` tells
what a widget's query alias stands for.
"""
