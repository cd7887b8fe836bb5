//! The disk after a cut, as a folder of an ordinary file system; and the other way round.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::fs::{XattrFlags, getxattr, listxattr, setxattr};
use rustix::io::Errno;

use crate::content::Content;
use crate::model::{Attributes, Kind, Metadata, Model, Node, ROOT};
use crate::names::{Entries, Names};

/// Makes `folder`, with what a power cut at this moment leaves: no more than was synced, or, with a seed, a part of the
/// rest that it decides.
pub(crate) fn write(model: &Model, folder: &Path, seed: Option<u64>) -> io::Result<()> {
    let mut chance = seed.map(StdRng::seed_from_u64);
    // A file under two names has one content.
    let mut files = BTreeMap::new();
    fs::create_dir(folder)?;
    write_directory(model, ROOT, folder, &mut chance, &mut files)
}

fn write_directory(
    model: &Model,
    id: u64,
    folder: &Path,
    chance: &mut Option<StdRng>,
    files: &mut BTreeMap<u64, Vec<u8>>,
) -> io::Result<()> {
    let Some(Node { kind: Kind::Directory(names), durable, .. }) = model.nodes.get(&id) else {
        return Err(Errno::NOTDIR.into());
    };
    for (name, id) in names.after_cut(chance.as_mut()) {
        let path = folder.join(name);
        match model.nodes.get(&id) {
            Some(Node { kind: Kind::Directory(_), .. }) => {
                fs::create_dir(&path)?;
                write_directory(model, id, &path, chance, files)?;
            }
            Some(Node { kind: Kind::File(content), durable, .. }) => {
                let bytes = files.entry(id).or_insert_with(|| content.after_cut(chance.as_mut()));
                fs::write(&path, bytes)?;
                write_metadata(&path, durable)?;
            }
            None => return Err(Errno::NOENT.into()),
        }
    }
    write_metadata(folder, durable)
}

fn write_metadata(path: &Path, metadata: &Metadata) -> io::Result<()> {
    for (name, value) in &metadata.attributes {
        match setxattr(path, name.as_slice(), value, XattrFlags::empty()) {
            // Whoever uses attributes has to do without them on some file systems.
            Ok(()) | Err(Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    fs::set_permissions(path, Permissions::from_mode(metadata.mode))
}

/// A disk on which everything in `folder` is durable.
pub(crate) fn read(folder: &Path, now: SystemTime) -> io::Result<Model> {
    let mut model = Model::new(now);
    let mut links = BTreeMap::new();
    let entries = read_directory(&mut model, folder, &mut links, now)?;
    let root = model.node(ROOT)?;
    root.kind = Kind::Directory(Names::durable(entries));
    Ok(model)
}

fn read_directory(
    model: &mut Model,
    folder: &Path,
    links: &mut BTreeMap<u64, u64>,
    now: SystemTime,
) -> io::Result<Entries> {
    let mut entries = Entries::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, found) = (entry.path(), entry.metadata()?);
        let metadata =
            Metadata { mode: found.mode() & 0o7777, attributes: read_attributes(&path)? };
        let id = if found.is_dir() {
            let names = Names::durable(read_directory(model, &path, links, now)?);
            model.insert(Node::new(Kind::Directory(names), metadata, now))
        } else if let Some(id) = links.get(&found.ino()) {
            model.node(*id)?.links += 1;
            *id
        } else {
            let mut bytes = Vec::new();
            File::open(&path)?.read_to_end(&mut bytes)?;
            let id = model.insert(Node::new(Kind::File(Content::durable(bytes)), metadata, now));
            links.insert(found.ino(), id);
            id
        };
        entries.insert(entry.file_name(), id);
    }
    Ok(entries)
}

fn read_attributes(path: &Path) -> io::Result<Attributes> {
    let mut buffer = vec![0; 4096];
    let length = match listxattr(path, buffer.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => 0,
        Err(errno) => return Err(errno.into()),
    };
    buffer.truncate(length);
    let mut attributes = Attributes::new();
    for name in buffer.split(|byte| *byte == 0).filter(|name| name.starts_with(b"user.")) {
        let mut value = vec![0; 4096];
        let length = getxattr(path, name, value.as_mut_slice())?;
        value.truncate(length);
        attributes.insert(name.to_owned(), value);
    }
    Ok(attributes)
}
