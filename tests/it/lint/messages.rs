//! The messages for typical mistakes, as people see them. Each fixture in `tests/lint/` is one file
//! that a user might write; its snapshot is what `pgmedic lint` answers.

use super::{read_config, read_playbook, rendered, root};

#[test]
fn typical_mistakes() {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/lint")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12, "fixtures are missing");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let (sound, faults) = if name.starts_with("config") {
            let (config, faults) = read_config(&text);
            (config.is_some(), faults)
        } else {
            let (playbook, faults) = read_playbook(&text);
            (playbook.is_some(), faults)
        };
        assert!(!sound && !faults.is_empty(), "{name} is not faulty");
        insta::assert_snapshot!(name, rendered(&faults, &text));
    }
}

#[test]
fn faults_are_data_too() {
    let (_, faults) = read_playbook("version: 1\nname: a\nfind: long_querys\n");
    insta::assert_json_snapshot!(faults, @r#"
    [
      {
        "file": "playbook.yaml",
        "line": 3,
        "column": 7,
        "end": {
          "line": 3,
          "column": 18
        },
        "severity": "error",
        "code": "unknown-finder",
        "message": "there is no finder `long_querys`",
        "help": "did you mean `long_queries`?",
        "span": {
          "start": 25,
          "end": 36
        }
      }
    ]
    "#);
}
