"""A strict stand-in for CloudFormation and the services that a deployment uses, in memory.

It refuses what AWS refuses: a function whose role lacks a permission, a second resource with the same name, the
deletion of a protected table. Any resource can be made to fail. Emulators accept all of this.
"""
