//! Command line and files: `TRI03xx`.

config::codes! {
    /// A path that leads nowhere.
    NO_SUCH_PATH = {
        code: "TRI0301",
        name: "no-such-path",
        severity: Error,
        title: "no such file or folder",
        means: "A path was given, or a symbolic link points to one, and nothing is there.",
        mend: "Correct the path. A relative path is looked up from the folder in which the command was started; a link's target from the folder in which the link stands.",
        example: "$ tripylon check gateway.yaml    # the file is called gateway.yml\n",
    }

    /// A file or folder that cannot be read.
    UNREADABLE = {
        code: "TRI0302",
        name: "unreadable",
        severity: Error,
        title: "file cannot be read",
        means: "The file or folder exists, but the operating system does not let it be read. The message gives its reason. What the file would have said is unknown, so the configuration as a whole is not used.",
        mend: "Let the user that the gateway runs as read the file, and enter every folder above it.",
        example: "$ chmod 000 gateway/routes.yml\n$ tripylon check gateway\n",
    }

    /// A folder in which no document was found.
    EMPTY_FOLDER = {
        code: "TRI0303",
        name: "empty-folder",
        severity: Warning,
        title: "folder without documents",
        means: "A folder was given, and neither it nor a folder within it has a file whose name ends in .yaml, .yml or .json. Files and folders whose names begin with a dot do not count.",
        mend: "Correct the path, or put the documents there. A folder that will be filled later may stay as it is: the gateway watches it.",
        example: "$ mkdir gateway\n$ tripylon check gateway\n",
    }

    /// A document that no dialect knows.
    UNRECOGNISED = {
        code: "TRI0304",
        name: "unrecognised-document",
        severity: Error,
        title: "document not recognised",
        means: "The document is well-formed, but nothing in it says which gateway's configuration it is. It is not skipped, because routes may be missing without it.",
        mend: "Add what marks the format, as the message says, or move the file out of the folder.",
        example: "greeting: hello\n",
    }

    /// A file of a folder that is not read.
    IGNORED_FILE = {
        code: "TRI0305",
        name: "ignored-file",
        severity: Note,
        title: "file not read",
        means: "Of a folder only files are read whose names end in .yaml, .yml or .json. This one has another name, or is no regular file.",
        mend: "Rename the file if it is a document. Give its path on the command line to read it whatever it is called. Begin its name with a dot to have it passed over without a word.",
        example: "$ ls gateway\nroutes.yml  routes.yml.orig\n",
    }

    /// Nothing was given to be served.
    NOTHING_TO_SERVE = {
        code: "TRI0306",
        name: "nothing-to-serve",
        severity: Error,
        title: "nothing to serve",
        means: "No document was found, and no setting asks for a gateway without one, so there is no port that could be opened.",
        mend: "Give a file or folder on the command line, or say in the settings of the gateway that is to be replaced that it starts empty and is configured through its management API.",
        example: "$ tripylon run empty-folder\n",
    }

    /// A file in which nothing stands.
    EMPTY_FILE = {
        code: "TRI0307",
        name: "empty-file",
        severity: Error,
        title: "file without content",
        means: "The file is empty or holds only comments. It is an error and not an empty configuration, because a file that is just being written looks the same, and a running gateway would lose its routes.",
        mend: "Write the document, or remove the file.",
        example: "# TODO\n",
    }

    /// A file that is reached by two paths.
    SAME_FILE = {
        code: "TRI0308",
        name: "same-file",
        severity: Warning,
        title: "file given twice",
        means: "Two paths lead to the same file, through a link or because one folder lies within another. It is read once.",
        mend: "Leave one of the paths out.",
        example: "$ tripylon check gateway gateway/routes.yml\n",
    }
}
