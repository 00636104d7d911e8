# What tests/soak.sh runs, and how results are compared. It is sourced, not run.
# shellcheck shell=bash disable=SC2034,SC2154

# Small jobs that differ: a name, then the program and its options. `best` keeps moving averages of
# weights; `norm` has batch norm.
declare -A words=(
  [mlp]="mnist_distill --quiet --threads 1 --teacher mlp:200,100 --student mlp:32
         --teacher-epochs 3 --epochs 6 --repeats 2"
  [cnn]="mnist_distill --quiet --threads 2 --train-size 3000 --teacher cnn:4,8,32
         --student cnn:2,4,8 --teacher-epochs 4 --epochs 6 --teacher-augment distort
         --augment shift"
  [norm]="mnist_distill --quiet --threads 2 --train-size 1000 --teacher cnn-tiny
          --student cnn-tiny --teacher-epochs 2 --epochs 2 --batch-size 50"
  [long]="mnist_distill --quiet --threads 1 --teacher mlp:64 --student mlp:48
          --teacher-epochs 3 --epochs 200"
  [temperature]="distill_study temperature --quick --threads 1 --student mlp:32 --teacher mlp:100
                 --epochs 3 --teacher-epochs 3 --seeds 2 --out study"
  [many]="distill_study temperature --quick --threads 1 --student mlp:32 --teacher mlp:100
          --epochs 8 --teacher-epochs 3 --seeds 12 --out study"
  [softness]="distill_study softness --quick --threads 2 --student mlp:32 --teacher mlp:100
              --epochs 8 --teacher-epochs 3 --out study"
  [best]="distill_study best --quick --threads 2 --student mlp:32 --teacher cnn-tiny --epochs 1
          --teacher-epochs 1 --out study"
)
jobs=(mlp cnn norm long temperature many softness best)
steady=(long many)  # they do the same thing for long: their memory must be flat
written="--save save --save-logits save/logits.npy --json save/run.json --report save/page.html
         --export-c save/net.h --export-c-int8 save/net8.h --log-dir log"

is_study() { [[ ${words[$1]} == distill_study* ]]; }

# Puts the command for the next start of a job into the array `command`. It runs in the job's
# folder. A study goes on by itself.
set_command() {  # JOB
  local all=${words[$1]}
  if ! is_study "$1"; then
    all+=" $written --checkpoint kept"
    if compgen -G 'kept/*.checkpoint' > /dev/null; then all=${all/--checkpoint/--resume}; fi
  fi
  read -rd '' -a command <<< "$all" || true
  command[0]=$bin/${command[0]}
}

# What is there before the first run: old files where results will be. They must stay whole until
# the new ones take their place.
make_old_files() {  # JOB REFERENCE'S LIST
  mkdir -p save log study
  if is_study "$1"; then rmdir save log; else rmdir study; fi
  local file
  while read -r _ file; do
    case $file in
      ./save/* | ./study/*.csv | ./study/*.json | ./study/*.svg) echo old > "$file" ;;
    esac
  done < "$2"
}

# Takes times and sizes of memory out of JSON, by their names, also where it is part of a page or a
# checkpoint. An epoch before a --resume has no peak_resident_bytes.
untimed() { sed -zE 's/,?\s*\\?"(seconds|peak_resident_bytes|microseconds)\\?":\s*[0-9.e+-]+//g'; }

# What must be the same after each run: the bytes of a file without times.
#   a checkpoint      begins with the length of its header, which ends with blanks up to a border
#   the log's table   without its column "seconds"
#   an event file     has the time in every record: only its size
#   what is printed   without the table's column "training"
#   finished trainings of a study   as they are
content() {  # FILE
  case $1 in
    *.checkpoint) tail -c +9 "$1" | untimed | sed -zE 's/\}\} +/}}/' ;;
    *.json | *.html) untimed < "$1" ;;
    */epochs.csv)
      awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == "seconds") column = i }
                        { $column = ""; print }' "$1" ;;
    *.tfevents.*) wc -c < "$1" ;;
    ./printed) sed -E 's/ +(training|([0-9]+ min )?[0-9.]+ s)$//' "$1" ;;
    *) cat "$1" ;;
  esac
}

# All files below the working folder, a line each: checksum and name.
results() {
  local file name sum
  find . -type f ! -path ./filler | sort | while read -r file; do
    name=$file
    case $file in *.tfevents.*) name=${file%.tfevents.*}.tfevents ;; esac
    sum=$(content "$file" | md5sum)
    echo "${sum%% *} $name"
  done
}

# Lists the files of a job that was broken off which are not what they must be: results are old or
# those of the reference, a study's finished runs the first of the reference's.
broken_files() {  # REFERENCE'S LIST, REFERENCE'S FOLDER
  local file sum
  find . -type f ! -path ./filler ! -name '.limbeck-*' | sort | while read -r file; do
    case $file in
      *.checkpoint | ./log/* | ./printed) ;;  # --resume will say what it thinks of them
      *.runs.jsonl)
        cmp -s "$file" <(head -c "$(stat -c %s "$file")" "$2/$file") || echo "$file" ;;
      *)
        if cmp -s "$file" <(echo old); then continue; fi
        sum=$(content "$file" | md5sum)
        grep -qxF "${sum%% *} $file" "$1" || echo "$file" ;;
    esac
  done
}

# Asks a finished job's network about a picture: a file that is whole can also be read.
ask_network() {  # PICTURE
  "$bin/mnist_predict" save/student-distilled.safetensors "$1" --json > save/answer.json
}
