package valetkey

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sync"
)

// filesAtOnce is the most files of UploadFiles that are open at a time.
const filesAtOnce = 16

// Uploaded is one of the files of UploadFiles: its result, or why there is none.
type Uploaded struct {
	Name   string // the path as it was given, or that of a file in a folder that was
	Result *Result
	Err    error
}

// UploadFiles uploads the files at paths, and all files in folders, many at a time, and confirms them.
// Each has its outcome, in the order of paths and of the names in a folder. A file of a folder keeps its
// place there, such as "holidays/a.png"; links in a folder are not followed. Progress is that of all, and
// Filename and Path of the options are not used.
func (c *Client) UploadFiles(ctx context.Context, paths []string, options UploadOptions) []Uploaded {
	var files []*toUpload
	for _, given := range paths {
		files = append(files, filesAt(given)...)
	}
	var mu sync.Mutex
	var all Progress
	for _, file := range files {
		all.Total += file.progress.Total
	}
	queue := make(chan *toUpload)
	var workers sync.WaitGroup
	for range min(filesAtOnce, len(files)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for file := range queue {
				own := options
				own.Filename, own.Path = "", file.place
				if options.Progress != nil {
					own.Progress = func(p Progress) {
						mu.Lock()
						defer mu.Unlock()
						all.Sent += p.Sent - file.progress.Sent
						all.Total += p.Total - file.progress.Total
						all.Retrying, file.progress = p.Retrying, p
						options.Progress(all)
					}
				}
				file.Result, file.Err = c.UploadFile(ctx, file.Name, own)
			}
		}()
	}
	for _, file := range files {
		if file.Err == nil {
			queue <- file
		}
	}
	close(queue)
	workers.Wait()
	var outcomes []Uploaded
	for _, file := range files {
		outcomes = append(outcomes, file.Uploaded)
	}
	return outcomes
}

// isSystemFile finds hidden files that Windows and macOS write into folders.
var isSystemFile = regexp.MustCompile(`(?i)^(\.DS_Store|Thumbs\.db|desktop\.ini)$`)

type toUpload struct {
	Uploaded
	place    string // in its folder, if it has one
	progress Progress
}

// filesAt lists a file, or those in a folder.
func filesAt(given string) []*toUpload {
	info, err := os.Stat(given)
	if err != nil || !info.IsDir() {
		file := &toUpload{Uploaded: Uploaded{Name: given}}
		if err == nil {
			file.progress.Total = info.Size()
		}
		return []*toUpload{file} // its upload says what is wrong
	}
	folder, err := filepath.Abs(given)
	if err != nil {
		folder = given
	}
	var files []*toUpload
	// With a separator, for a link to a folder.
	_ = filepath.WalkDir(given+string(filepath.Separator), func(name string, entry fs.DirEntry, err error) error {
		file := &toUpload{Uploaded: Uploaded{Name: filepath.Clean(name)}}
		switch {
		case err != nil:
			file.Err = newError(CodeInvalidFile, "The folder cannot be read", "Check its permissions.", err)
		case entry.IsDir() || isSystemFile.MatchString(entry.Name()):
			return nil
		case !entry.Type().IsRegular():
			file.Err = newError(CodeInvalidFile, name+" is a link, or no file",
				"Links in a folder are not followed. Name it to upload its file.", nil)
		default:
			inside, _ := filepath.Rel(given, name)
			file.place = path.Join(filepath.Base(folder), filepath.ToSlash(inside))
			if info, err := entry.Info(); err == nil {
				file.progress.Total = info.Size()
			}
		}
		files = append(files, file)
		return nil
	})
	return files
}
