<?php
$data = ['clé' => 'été', 'list' => [1, 2.5, null, true], 'emoji' => '🏜️'];
$text = json_encode($data, JSON_UNESCAPED_UNICODE | JSON_PRETTY_PRINT);
echo $text, "\n", strlen($text), ' ', json_decode($text, true) === $data ? 'same' : 'different', "\n";
file_put_contents('note.txt', strrev('dnas'));
echo file_get_contents('note.txt'), ' ', basename(__FILE__), ' ', preg_match_all('/\p{L}/u', 'añ日1'), "\n";
