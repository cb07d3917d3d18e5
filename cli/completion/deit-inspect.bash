# bash completion for deit-inspect(1)

_deit_inspect()
{
    local current previous words cword

    # Without the bash-completion package the words are split at "=" too, which does no harm here.
    if declare -F _init_completion >/dev/null; then
        local cur prev split
        _init_completion -s || return
        current=$cur previous=$prev
    else
        current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    fi

    case $previous in
    --after) _deit_inspect_words 'all loaded folded final' ;;
    -p | --precision) _deit_inspect_words 'auto f32 bf16x3 bf16x6 bf16 int8' ;;
    -f | --format) _deit_inspect_words 'text json' ;;
    -t | --threads | -b | --batch | --size | --max-memory) ;;
    *)
        case $current in
        -*) _deit_inspect_words '--graph --after --plan --dot --verbose --format --batch --size
            --precision --threads --max-memory --allow-nonfinite --follow-links --help
            --version' ;;
        *) _deit_inspect_models ;;
        esac
        ;;
    esac
}

# Proposes the words of $1 that begin with what is typed.
_deit_inspect_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

# Proposes folders and files of models.
_deit_inspect_models()
{
    local file
    compopt -o filenames 2>/dev/null
    COMPREPLY=()
    while IFS= read -r file; do
        if [[ -d $file || ${file,,} == *.@(safetensors|json|onnx) ]]; then
            COMPREPLY+=("$file")
        fi
    done < <(compgen -f -- "$current")
}

complete -F _deit_inspect deit-inspect
