"""Animations: readers of the blocks that describe the frames, and one function that composes the frames.

Each frame is decoded alone, as a small file that contains only this frame. The canvas is composed here rather than by a
decoder with a state, so all formats follow the same rules, and a damaged frame costs only itself.
"""
