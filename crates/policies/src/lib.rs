//! The native policies, one folder each.
//! Never imports: `dataplane`, `control`, any dialect, a sibling policy's folder.
