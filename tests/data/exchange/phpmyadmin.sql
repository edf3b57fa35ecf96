-- phpMyAdmin SQL Dump
-- version 5.2.1deb1
-- https://www.phpmyadmin.net/
--
-- Host: localhost:3306
-- Generation Time: Nov 02, 2025 at 09:14 PM
-- Server version: 10.11.6-MariaDB-0+deb12u1
-- PHP Version: 8.2.7

SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
START TRANSACTION;
SET time_zone = "+00:00";


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Database: `maildb`
--
CREATE DATABASE IF NOT EXISTS `maildb` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE `maildb`;

-- --------------------------------------------------------

--
-- Table structure for table `aliases`
--

DROP TABLE IF EXISTS `aliases`;
CREATE TABLE IF NOT EXISTS `aliases` (
  `pkid` smallint(3) NOT NULL,
  `mail` varchar(120) NOT NULL DEFAULT '' COMMENT 'who, or ''@domain''',
  `destination` varchar(120) NOT NULL DEFAULT '',
  `enabled` tinyint(1) NOT NULL DEFAULT 1
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `aliases`
--

INSERT INTO `aliases` (`pkid`, `mail`, `destination`, `enabled`) VALUES
(1, '@lala.com', '@whopper.nu', 1),
(2, 'o\'brien@lala.com', 'karl@whopper.nu', 0); -- (3, 'not@this.one', 'x', 1)

INSERT INTO `maildb`.`aliases` (`mail`, `destination`) VALUES
/* one more */ ('info@lala.com', 0x6b61726c4077686f707065722e6e75);

--
-- Indexes for dumped tables
--

--
-- Indexes for table `aliases`
--
ALTER TABLE `aliases`
  ADD PRIMARY KEY (`pkid`),
  ADD UNIQUE KEY `mail` (`mail`);

--
-- AUTO_INCREMENT for table `aliases`
--
ALTER TABLE `aliases`
  MODIFY `pkid` smallint(3) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=3;
COMMIT;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
