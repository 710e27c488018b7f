// An auditor that shares no line with the ledger: golang.org/x/mod's note and tlog judge the
// checkpoints and proofs that test_go_verify.c wrote. It reads cases from standard input, one a line, and
// answers each with "accepted" or "refused: why":
//
//	checkpoint VKEY FILE
//	inclusion VKEY FILE INDEX ENTRY-HEX [HASH-BASE64 ...]
//	consistency VKEY OLD-FILE NEW-FILE [HASH-BASE64 ...]
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type head struct {
	size int64
	root tlog.Hash
}

func readHead(vkey, file string) (head, error) {
	var h head
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return h, err
	}
	message, err := os.ReadFile(file)
	if err != nil {
		return h, err
	}
	n, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return h, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return h, errors.New("the text is not a checkpoint of this origin")
	}
	if h.size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return h, err
	}
	h.root, err = readHash(lines[2])
	return h, err
}

func readHash(text string) (tlog.Hash, error) {
	var h tlog.Hash
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && len(bytes) != len(h) {
		err = errors.New("a hash of another length")
	}
	copy(h[:], bytes)
	return h, err
}

func readHashes(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		h, err := readHash(text)
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}

func inclusion(words []string) error {
	h, err := readHead(words[1], words[2])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return err
	}
	entry, err := hex.DecodeString(words[4])
	if err != nil {
		return err
	}
	hashes, err := readHashes(words[5:])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(hashes), h.size, h.root, index, tlog.RecordHash(entry))
}

func consistency(words []string) error {
	old, err := readHead(words[1], words[2])
	if err != nil {
		return err
	}
	now, err := readHead(words[1], words[3])
	if err != nil {
		return err
	}
	hashes, err := readHashes(words[4:])
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(hashes), now.size, now.root, old.size, old.root)
}

func judge(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "checkpoint":
		_, err := readHead(words[1], words[2])
		return err
	case len(words) >= 5 && words[0] == "inclusion":
		return inclusion(words)
	case len(words) >= 4 && words[0] == "consistency":
		return consistency(words)
	}
	return errors.New("a case of no right form")
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if err := judge(strings.Fields(in.Text())); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println("accepted")
		}
	}
}
