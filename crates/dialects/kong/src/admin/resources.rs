//! Which path is which resource.

use hyper::Method;

use crate::schema::{Catalogue, Entity};

/// What is said of paths that only mean something with Wasm.
pub(super) const WASM: &str = "this endpoint is only available when wasm is enabled";

/// A resource made of entities.
#[derive(Clone, Copy)]
pub(super) enum Resource<'r> {
    /// `/services`
    Collection { entity: &'static Entity },
    /// `/services/{key}`
    Entity { entity: &'static Entity, key: &'r str },
    /// `/routes/{key}/service`: what an entity refers to.
    Parent { entity: &'static Entity, key: &'r str, field: &'static str, parent: &'static Entity },
    /// `/services/{key}/routes`: what refers to an entity.
    Children { of: Family<'r> },
    /// `/services/{key}/routes/{child}`
    Child { of: Family<'r>, child: &'r str },
}

/// Entities that refer to one.
#[derive(Clone, Copy)]
pub(super) struct Family<'r> {
    pub(super) parent: &'static Entity,
    pub(super) key: &'r str,
    pub(super) children: &'static Entity,
    /// The field by which they refer to it.
    pub(super) field: &'static str,
}

impl<'r> Resource<'r> {
    /// The resource of a path.
    pub(super) fn find(catalogue: &'static Catalogue, segments: &'r [String]) -> Option<Self> {
        let (first, rest) = segments.split_first()?;
        let entity = catalogue.entities.iter().find(|entity| entity.is_served_at(first))?;
        let found = match rest {
            [] => Resource::Collection { entity },
            [key] => Resource::Entity { entity, key },
            [key, within, deeper @ ..] => match (family(catalogue, entity, key, within), deeper) {
                (Some(of), []) => Resource::Children { of },
                (Some(of), [child]) => Resource::Child { of, child },
                (None, []) => parent(catalogue, entity, key, within)?,
                _ => return None,
            },
        };
        // Targets only stand within their upstream, and nobody asks a name for its certificate.
        let hidden = match found {
            Resource::Collection { entity } | Resource::Entity { entity, .. } => {
                entity.name == "targets"
            }
            Resource::Parent { entity, .. } => matches!(entity.name, "targets" | "snis"),
            Resource::Children { .. } | Resource::Child { .. } => false,
        };
        (!hidden).then_some(found)
    }

    /// What can be done with it, in the order of names.
    pub(super) fn methods(&self) -> &'static [Method] {
        const LIST: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS, Method::POST];
        const ONE: &[Method] = &[
            Method::DELETE,
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::PATCH,
            Method::PUT,
        ];
        match self {
            Resource::Collection { .. } | Resource::Children { .. } => LIST,
            _ => ONE,
        }
    }

    /// Whether it means something only with Wasm.
    pub(super) fn needs_wasm(&self) -> bool {
        let entity = match self {
            Resource::Collection { entity }
            | Resource::Entity { entity, .. }
            | Resource::Parent { entity, .. } => entity,
            Resource::Children { of } | Resource::Child { of, .. } => of.children,
        };
        entity.name == "filter_chains"
    }

    /// The paths of all resources, sorted: `/services/{services}/routes`.
    pub(super) fn paths(catalogue: &'static Catalogue) -> Vec<String> {
        let mut paths = Vec::new();
        for entity in &catalogue.entities {
            let Some(path) = &entity.admin_path else { continue };
            let name = entity.name;
            let mut candidates = vec![format!("/{path}"), format!("/{path}/{{{name}}}")];
            for field in &entity.shape.fields {
                candidates.push(format!("/{path}/{{{name}}}/{}", field.name));
            }
            for child in &entity.children {
                let child = &catalogue.entities[child.entity];
                let list = format!("/{path}/{{{name}}}/{}", child.admin_nested_path);
                candidates.push(format!("{list}/{{{}}}", child.name));
                candidates.push(list);
            }
            paths.extend(candidates.into_iter().filter(|path| {
                let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
                Resource::find(catalogue, &segments).is_some()
            }));
        }
        paths.sort();
        paths.dedup();
        paths
    }
}

impl Entity {
    fn is_served_at(&self, path: &str) -> bool {
        self.admin_path.as_deref() == Some(path)
    }
}

fn family<'r>(
    catalogue: &'static Catalogue,
    parent: &'static Entity,
    key: &'r str,
    within: &str,
) -> Option<Family<'r>> {
    parent.children.iter().find_map(|child| {
        let children = &catalogue.entities[child.entity];
        let serves = children.admin_path.is_some() && *children.admin_nested_path == *within;
        serves.then_some(Family { parent, key, children, field: &child.field })
    })
}

fn parent<'r>(
    catalogue: &'static Catalogue,
    entity: &'static Entity,
    key: &'r str,
    within: &str,
) -> Option<Resource<'r>> {
    let field = entity.shape.field(within)?;
    let parent = catalogue.entity(field.reference.as_deref()?)?;
    parent.admin_path.as_ref()?;
    Some(Resource::Parent { entity, key, field: &field.name, parent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::RouterFlavor;

    /// The paths that Kong generates from its schemas, without what it hides and without sessions,
    /// which no document can have.
    #[test]
    fn paths_are_kongs() {
        let paths = Resource::paths(Catalogue::of(RouterFlavor::default()));
        let expected: Vec<&str> = include_str!("../../tests/data/paths.txt").lines().collect();
        assert_eq!(paths, expected);
    }
}
