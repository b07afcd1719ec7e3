//! Declares what is read from a body, once for the reader and for the document.

/// The name of a field, which may be a raw identifier: `type` of `r#type`.
pub fn bare(identifier: &'static str) -> &'static str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Declares a JSON object that is read from a body: each field's type says how it is read and
/// described. The name behind `as` is the one in the document. A `strict` object refuses fields
/// that it doesn't know; others ignore them, as the old service did.
macro_rules! body {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident as $schema:literal {$($fields:tt)*}
    ) => {
        $crate::api::body::body! {
            @with false, $(#[doc = $doc])* pub struct $name as $schema {$($fields)*}
        }
    };
    (
        $(#[doc = $doc:literal])*
        pub strict struct $name:ident as $schema:literal {$($fields:tt)*}
    ) => {
        $crate::api::body::body! {
            @with true, $(#[doc = $doc])* pub struct $name as $schema {$($fields)*}
        }
    };
    (
        @with $is_strict:literal,
        $(#[doc = $doc:literal])*
        pub struct $name:ident as $schema:literal {
            $($field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name {
            $(pub $field: $type,)*
        }

        impl $crate::api::reader::FromJson for $name {
            fn read(
                value: &serde_json::Value,
                reader: &mut $crate::api::reader::Reader<'_>,
            ) -> Option<$name> {
                let object = reader.object(value)?;
                // All of them are read before the first fault ends it.
                $(let $field = {
                    let name = $crate::api::body::bare(stringify!($field));
                    reader.field::<$type>(object, name)
                };)*
                if $is_strict {
                    reader.only(object, &[$($crate::api::body::bare(stringify!($field))),*])?;
                }
                Some($name { $($field: $field?,)* })
            }

            fn describe() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::Ref::from_schema_name($schema).into()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use $crate::api::reader::FromJson;
                let about = [$($doc),*].map(str::trim).join(" ");
                let mut object = utoipa::openapi::schema::ObjectBuilder::new()
                    .description(Some(about));
                if $is_strict {
                    let none = utoipa::openapi::schema::AdditionalProperties::FreeForm(false);
                    object = object.additional_properties(Some(none));
                }
                $(
                    let name = $crate::api::body::bare(stringify!($field));
                    object = object.property(name, <$type as FromJson>::describe());
                    if <$type as FromJson>::absent().is_none() {
                        object = object.required(name);
                    }
                )*
                object.into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            }
        }
    };
}
pub(crate) use body;
